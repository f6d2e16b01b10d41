"""Durable jobs: accepted once, painted to the end, whatever becomes of the processes.

submit ─► files, and a row that is queued                                 (jobs, files, ledger)
claimed by a worker with a free painter, under a lease          (standby, worker, leases)
painted step by step, each checkpoint stored, noted, recorded   (execution, workflow)
wait, events ◄─ every change has a number                                 (database, changes)
"""
