package main

import (
	"context"
	"log"

	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
)

// attachAll says of every attachment to this node that it is done: a folder needs no attaching. It blocks until ctx ends.
func attachAll(ctx context.Context, client kubernetes.Interface, d driver) error {
	attach := func(object any) {
		wanted, ok := object.(*storagev1.VolumeAttachment)
		if !ok || wanted.Spec.Attacher != d.name || wanted.Spec.NodeName != d.node || wanted.Status.Attached {
			return
		}
		_, err := client.StorageV1().VolumeAttachments().Patch(ctx, wanted.Name, types.MergePatchType,
			[]byte(`{"status":{"attached":true}}`), metav1.PatchOptions{}, "status")
		if err != nil {
			log.Printf("test-csi: attachment %s: %v", wanted.Name, err)
		}
	}
	factory := informers.NewSharedInformerFactory(client, 0)
	_, err := factory.Storage().V1().VolumeAttachments().Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc: attach, UpdateFunc: func(_, object any) { attach(object) }})
	if err != nil {
		return err
	}
	factory.Start(ctx.Done())
	<-ctx.Done()
	return nil
}
