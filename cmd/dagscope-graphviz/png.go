package main

import (
	"context"

	"github.com/goccy/go-graphviz"
	"github.com/goccy/go-graphviz/gvc"
)

// newGraphviz starts Graphviz with what it needs for PNG, which go-graphviz draws itself.
func newGraphviz(ctx context.Context) (*graphviz.Graphviz, error) {
	broken, err := gvc.PNGRenderPlugin(ctx)
	if err != nil {
		return nil, err
	}
	render, err := gvc.NewRenderPlugin(ctx, "png", outlined{broken.RenderEngine()})
	if err != nil {
		return nil, err
	}
	device, err := gvc.PNGDevicePlugin(ctx)
	if err != nil {
		return nil, err
	}
	return graphviz.NewWithPlugins(ctx, render, device)
}

// outlined draws outlines and edges. go-graphviz v0.2.9 passes every shape to its renderer as filled, and therefore draws
// neither; whether a shape really is filled follows from its object.
type outlined struct{ gvc.RenderEngine }

// Polygon draws boxes, arrowheads (filled in any case) and the background.
func (o outlined) Polygon(ctx context.Context, job *gvc.Job, points []*gvc.PointFloat, _ bool) error {
	switch job.Object().Type() {
	case gvc.NodeObjectType, gvc.ClusterObjectType:
		return both(job, func(filled bool) error { return o.RenderEngine.Polygon(ctx, job, points, filled) })
	default:
		return o.RenderEngine.Polygon(ctx, job, points, true)
	}
}

// BezierCurve draws edges and boxes with round corners.
func (o outlined) BezierCurve(ctx context.Context, job *gvc.Job, points []*gvc.PointFloat, _ bool) error {
	if job.Object().Type() == gvc.EdgeObjectType {
		return o.RenderEngine.BezierCurve(ctx, job, points, false)
	}
	return both(job, func(filled bool) error { return o.RenderEngine.BezierCurve(ctx, job, points, filled) })
}

// Ellipse draws round nodes.
func (o outlined) Ellipse(ctx context.Context, job *gvc.Job, points []*gvc.PointFloat, _ bool) error {
	return both(job, func(filled bool) error { return o.RenderEngine.Ellipse(ctx, job, points, filled) })
}

// both draws the inside, if it is filled, and then the outline.
func both(job *gvc.Job, draw func(filled bool) error) error {
	if job.Object().Fill() != gvc.FillNone {
		if err := draw(true); err != nil {
			return err
		}
	}
	return draw(false)
}
