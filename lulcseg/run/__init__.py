"""One run: plan, train, map, assess, record, report; and resuming it."""
