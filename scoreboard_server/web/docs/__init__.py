"""`/docs`: the descriptions of both interfaces as a page for people, made once from the same documents."""
