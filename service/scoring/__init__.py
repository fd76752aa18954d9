"""The use case: plan the calls, ask them, enter the replies, combine."""
