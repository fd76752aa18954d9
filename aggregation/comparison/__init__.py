"""Which of two systems is better, from predictions of all candidates and labels of a few."""
