"""The main job from Python: forget four of twenty people with NPO, and read the record.

Run it: ``python examples/quickstart.py``
"""

import unlearnzoo

record = unlearnzoo.run(algo="npo", bench="remem", quiet=False)[0]

print(f"\n{record['status']}, valid: {record['valid']}; {record['seconds']['total']:.0f} s")
for row in record["results"]:
    if row["column"] in ("EMf", "EMr"):
        print(f"{row['model']:>10} {row['column']:>4} {row['group']['hop']:>6}-hop {100 * row['mean']:5.1f} %")
