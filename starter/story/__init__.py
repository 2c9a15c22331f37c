"""The invented intrusion of the sample case "First steps": what happened, told as Windows events.

`forms` says how each kind of event is laid out, `cast` who takes part, `quiet_workstation` and
`quiet_servers` what an ordinary morning writes into the logs, `intrusion_workstation` and
`intrusion_servers` what the intruder adds, `logs` which file holds what. All names, addresses and programs
are invented; the networks are those that RFC 5737 keeps for documentation.
"""
