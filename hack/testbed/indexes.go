package testbed

import (
	"context"
	"slices"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// indexed is a client without a cache that can nevertheless list by the indexes of one.
type indexed struct {
	client.WithWatch
	values map[string]client.IndexerFunc
}

// IndexField implements client.FieldIndexer.
func (i *indexed) IndexField(_ context.Context, _ client.Object, field string, values client.IndexerFunc) error {
	i.values[field] = values
	return nil
}

// List reads more than it was asked for, if by an index, and leaves out the rest.
func (i *indexed) List(ctx context.Context, list client.ObjectList, given ...client.ListOption) error {
	var options client.ListOptions
	options.ApplyOptions(given)
	if options.FieldSelector == nil {
		return i.WithWatch.List(ctx, list, given...)
	}
	wanted := options.FieldSelector.Requirements()[0]
	values, isIndexed := i.values[wanted.Field]
	if !isIndexed {
		return i.WithWatch.List(ctx, list, given...)
	}
	options.FieldSelector = nil
	if err := i.WithWatch.List(ctx, list, &options); err != nil {
		return err
	}
	all, err := meta.ExtractList(list)
	if err != nil {
		return err
	}
	return meta.SetList(list, slices.DeleteFunc(all, func(object runtime.Object) bool {
		return !slices.Contains(values(object.(client.Object)), wanted.Value)
	}))
}
