"""The report on a pull request: what it would change in resources, people, money and risk."""
