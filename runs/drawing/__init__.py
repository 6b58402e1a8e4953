"""What pages draw of a run: graph, timeline and values, as plain data that templates write. No Django, no database."""
