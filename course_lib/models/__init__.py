"""Architectures of the lectures: one paper, one file.

Import from the file, such as ``from course_lib.models.resnet import resnet50``: nothing else is then loaded.

====================  ==================================================================================================
file                  what it holds, in the order of the lectures
====================  ==================================================================================================
`lenet`               LeNet-5 as published, and the plain variant that people train today
`alexnet`             AlexNet with one tower, and the original with two
`vgg`                 VGG-11, 13, 16, 19, with and without batch normalisation
`fcn`                 a classifier as a fully convolutional net, and what each of its cells sees
`nin`                 network in network, for ImageNet and for CIFAR-10
`googlenet`           GoogLeNet of the paper and of the published weights; the loss of nets with auxiliary heads
`inception`           Inception v2 and v3
`resnet`              ResNet-18 … 152, and the plain nets that they are compared with
`resnet_cifar`        the residual and plain nets of 20 … 110 layers for small images
`densenet`            DenseNet-121, 161, 169, 201
`unet`                U-Net of 2015 and 2016, the padded form of today, a net for livers
`tiles`               the sizes that fit a U-Net, and large images read in tiles
`volumes`             nets for volumes: in 3-D, and by three orthogonal views
`weights`             published weights into these nets
`zoo`                 all nets for ImageNet's images in one table, beside the accuracies that others report
`inputs`              the check at the door of each net
====================  ==================================================================================================
"""
