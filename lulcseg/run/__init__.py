"""One run: plan, train, map, assess, record, report; and going on with it."""
