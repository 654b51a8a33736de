"""Plugins that are broken in one way each; ``fails`` names the check that must find it, ``says`` what it says."""
