"""The practice image: a stand-in for Windows that anyone may build."""
