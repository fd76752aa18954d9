"""Rankings and scores of pairs, from the body to the answer or the stream."""
