"""What stands in for session 0 of Windows, and for its Task Scheduler.

wine has one session, and a Task Scheduler that runs nothing. The first is a window station that nobody sees, as what a
service of Windows starts has (apart.c); the second is the scheduler's COM class (schedule.c).
"""
