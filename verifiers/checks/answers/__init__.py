"""Reading a candidate's final answer, and comparing answers."""
