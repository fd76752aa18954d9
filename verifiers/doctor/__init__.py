"""Is a verifier served right, and does it tell right from wrong?"""
