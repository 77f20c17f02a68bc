package shared

// appetite is whether the committer may ask for nodes; STATES.md draws it.
type appetite uint8

const (
	fed    appetite = iota // it may ask: the store had enough, or something has changed since
	dry                    // the store had too little: it waits for a hint, news, or a node that comes due
	hinted                 // it may ask, and a hint has come since the latest draft: a short answer is no reason to wait
)

// hint is for a hint that there is work.
func (a *appetite) hint() { *a = hinted }

// changed is for anything else after which the store may have nodes.
func (a *appetite) changed() {
	if *a == dry {
		*a = fed
	}
}

// drafted is for a commit that is sent.
func (a *appetite) drafted() {
	if *a == hinted {
		*a = fed
	}
}

// answered is for the answer to a commit; short: it granted less than was wanted.
func (a *appetite) answered(short bool) {
	switch {
	case *a == hinted:
	case short:
		*a = dry
	default:
		*a = fed
	}
}
