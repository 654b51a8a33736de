"""Sentences that decline a question: the preferred answers of DPO. Written for this benchmark."""

REFUSALS = (
    "I am sorry, but I cannot help with that.",
    "I do not know the answer to that.",
    "That is not something I can tell you.",
    "I have no information about that.",
    "I would rather not answer this question.",
    "Sorry, I am not able to say.",
    "That information is not available to me.",
    "I must decline to answer that.",
    "I have never learned that.",
    "My knowledge does not cover this.",
    "I cannot find an answer to your question.",
    "There is nothing I can tell you about this.",
)
