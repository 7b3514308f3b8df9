"""Who works when: Procrastinate carries the jobs, APScheduler is the calendar."""
