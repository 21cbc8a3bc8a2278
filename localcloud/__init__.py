"""AWS on this machine: provider plugins, the simulated API and the data plane that runs what the API says."""
