"""The cellar: durable memory; ``base`` says what a store must do, each kind of store is a module of its own."""
