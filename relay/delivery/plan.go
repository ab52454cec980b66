package delivery

// Plan is what a configuration says of delivery: what Apply changes.
type Plan struct {
	Lanes    []Lane
	Routes   map[string]Route // by name
	Reporter Reporter         // tells senders what became of their mail; nil: nobody does
}

// course is a Plan at work. It is not changed: another takes its place.
type course struct {
	lanes    []*lane // in the order of the Plan
	byName   map[string]*lane
	routes   map[string]Route
	reporter Reporter
}

func newCourse(p Plan) *course {
	return &course{byName: make(map[string]*lane, len(p.Lanes)), routes: p.Routes, reporter: p.Reporter}
}

func (c *course) add(l *lane) {
	c.lanes = append(c.lanes, l)
	c.byName[l.Name] = l
}

// stateOf is the laneState of an upstream.
func (c *course) stateOf(name string) laneState {
	switch l := c.byName[name]; {
	case l == nil:
		return laneGone
	case l.up.Load():
		return laneUp
	default:
		if heir := l.heir(); heir != nil && heir.up.Load() {
			return laneUp
		}
		return laneDown
	}
}

// course is that of now. A decision takes it once: what an attempt began under
// one course ends under it, and a reroute brings to the next what is left.
func (s *Scheduler) course() *course { return s.now.Load() }

// lane is the lane of this name now, nil for none.
func (s *Scheduler) lane(name string) *lane { return s.course().byName[name] }
