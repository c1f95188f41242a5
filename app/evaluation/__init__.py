"""How good retrieval and answers are, measured on questions with known answers.

`questions` reads and writes question sets, `corpus` finds their documents here, `evaluate` asks the questions and gives
a `Run` of `outcomes`, `measures` scores them (`ranking`, `answers`, `statistics`), `report` shows them.
"""
