"""Stage-1 diagnosis: was anything memorised, and where in the model does it lie?

The analyses of ReMem (Findings of ACL 2026, section 4 and appendix A.1, A.2) as the command
``unlearnzoo diagnose``.
"""
