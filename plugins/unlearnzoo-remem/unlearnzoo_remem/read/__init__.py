"""Reading a ReMem data set, published or generated: each row checked, each image kept once."""
