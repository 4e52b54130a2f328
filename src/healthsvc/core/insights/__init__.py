"""What a customer success manager should know beside the score: signals, what they mean, whom to
call and when.

Nothing here changes a score, a band or an alert.
"""
