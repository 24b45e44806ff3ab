package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/sig-storage-lib-external-provisioner/v13/controller"
)

const (
	backingParameter = "backing"
	// The scheduler writes here which node a claim of a WaitForFirstConsumer class is for.
	selectedNodeAnnotation = "volume.kubernetes.io/selected-node"
	hostnameLabel          = "kubernetes.io/hostname"
)

// provisioner makes and removes volumes. The library around it watches claims and PersistentVolumes, honours binding
// modes and reclaim policies, retries, and writes Events.
type provisioner struct {
	driver driver
}

// ShouldProvision: a local volume is made by the process on the node it is for. Nobody makes one of an Immediate class.
func (p *provisioner) ShouldProvision(_ context.Context, claim *corev1.PersistentVolumeClaim) bool {
	return !p.driver.local || claim.Annotations[selectedNodeAnnotation] == p.driver.node
}

func (p *provisioner) Provision(_ context.Context, options controller.ProvisionOptions) (
	*corev1.PersistentVolume, controller.ProvisioningState, error) {
	if mode := options.PVC.Spec.VolumeMode; mode != nil && *mode == corev1.PersistentVolumeBlock {
		return nil, controller.ProvisioningFinished, errors.New("block volumes are not supported")
	}
	handle := string("vol-" + options.PVC.UID)
	folder, err := p.driver.place(handle, options.StorageClass.Parameters)
	if err == nil {
		err = makeVolume(folder)
	}
	if err != nil {
		return nil, controller.ProvisioningFinished, err
	}

	// What the class says about the place stays true for the volume when the class is gone.
	attributes := map[string]string{}
	if backing := options.StorageClass.Parameters[backingParameter]; backing != "" {
		attributes[backingParameter] = backing
	}
	volume := &corev1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{Name: options.PVName},
		Spec: corev1.PersistentVolumeSpec{
			PersistentVolumeReclaimPolicy: *options.StorageClass.ReclaimPolicy,
			AccessModes:                   options.PVC.Spec.AccessModes,
			MountOptions:                  options.StorageClass.MountOptions,
			Capacity:                      options.PVC.Spec.Resources.Requests,
			PersistentVolumeSource: corev1.PersistentVolumeSource{CSI: &corev1.CSIPersistentVolumeSource{
				Driver: p.driver.name, VolumeHandle: handle, VolumeAttributes: attributes}},
		},
	}
	if p.driver.local {
		volume.Spec.NodeAffinity = onlyOn(p.driver.node)
	}
	return volume, controller.ProvisioningFinished, nil
}

func onlyOn(node string) *corev1.VolumeNodeAffinity {
	here := corev1.NodeSelectorRequirement{Key: hostnameLabel, Operator: corev1.NodeSelectorOpIn, Values: []string{node}}
	return &corev1.VolumeNodeAffinity{Required: &corev1.NodeSelector{NodeSelectorTerms: []corev1.NodeSelectorTerm{
		{MatchExpressions: []corev1.NodeSelectorRequirement{here}}}}}
}

// ShouldDelete: the folder of a local volume can only be removed on its node.
func (p *provisioner) ShouldDelete(_ context.Context, volume *corev1.PersistentVolume) bool {
	if !p.driver.local {
		return true
	}
	if volume.Spec.NodeAffinity == nil || volume.Spec.NodeAffinity.Required == nil {
		return false
	}
	for _, term := range volume.Spec.NodeAffinity.Required.NodeSelectorTerms {
		for _, wanted := range term.MatchExpressions {
			if wanted.Key == hostnameLabel && len(wanted.Values) == 1 && wanted.Values[0] == p.driver.node {
				return true
			}
		}
	}
	return false
}

func (p *provisioner) Delete(_ context.Context, volume *corev1.PersistentVolume) error {
	source := volume.Spec.CSI
	if source == nil {
		return &controller.IgnoredError{Reason: "it is no CSI volume"}
	}
	folder, err := p.driver.place(source.VolumeHandle, source.VolumeAttributes)
	if err != nil {
		return err
	}
	if err := os.RemoveAll(folder); err != nil {
		return fmt.Errorf("removing the volume: %w", err)
	}
	return nil
}
