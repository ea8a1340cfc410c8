"""How a stage trains: the loop, the schedule, the resume state, what it leaves behind."""
