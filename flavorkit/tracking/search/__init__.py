"""The grammar of the searches, as MLflow has it: filters, orders and pages, independent of stores.

``grammar`` turns text into comparisons, ``fields`` says what each entity can be compared by,
``order`` reads what comes first, ``matching`` decides about entities in memory, ``pages`` makes and
reads page tokens.
"""
