"""Reports for people without an account: links, passwords, and what is hidden from them."""
