"""`python -m retinue` is `retinue`."""

from retinue.cli import main

raise SystemExit(main())
