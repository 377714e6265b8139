"""Looking up the state as it was just after any event of a batch.

Tracking keeps the current state and, for the batch at hand, a log of what each change replaced. The state after event
``i`` is the current one with every change after ``i`` undone: the first logged change later than ``i`` holds the
answer, and without one the current state does.
"""
