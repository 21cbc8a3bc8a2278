"""What the stack deploys: one component a file; `settings` turns config into the values that they take."""
