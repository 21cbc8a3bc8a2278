"""CrossGuard policies: what every stack of this gateway must keep to, whoever changes it."""
