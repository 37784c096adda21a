"""The judge of series: what is usual, how far off a point is, and whether that is further than ever before.

It steps many series of one grain at once, each in a state of constant size. Time goes in rounds, a day
of hours or, for daily series, a week of days: within a round what is usual stands still, and at its end
the round is learnt. `state` is what is kept, `usual` what a round expects, `scores` what is said of a
point, `learning` what a round teaches, `bank` the stepping, `history` a whole series and `telling` which
points are worth a message. docs/detection.md tells it in words.
"""
