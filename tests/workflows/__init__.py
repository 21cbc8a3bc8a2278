"""The workflows in .github."""
