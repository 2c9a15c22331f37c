"""The verbs of cases, evidence, scans and review: the only place of this app that writes."""
