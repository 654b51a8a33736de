"""Making a data set of fictitious people: profiles, questions in many words, drawn views."""
