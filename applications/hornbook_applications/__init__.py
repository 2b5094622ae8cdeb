"""Classic vision models, with Keras's signatures: a family in a file.

Beyond Keras, each gives its maps (`features_only=True`), fits weights to other channels (`in_channels=1`), gets a new head
(`new_head=5`) and prepares pixels inside (`include_preprocessing=True`): see `common.extended`.

>>> from hornbook_applications import ResNet50
>>> ResNet50(weights=None, input_shape=(32, 32, 3), classes=5).output_shape
(None, 5)
"""

from hornbook_applications import (
    convnext,
    densenet,
    detection,
    efficientnet,
    efficientnet_v2,
    imagenet_utils,
    inception_resnet_v2,
    inception_v3,
    mobilenet,
    mobilenet_v2,
    mobilenet_v3,
    nasnet,
    resnet,
    resnet50,
    resnet_v2,
    segmentation,
    vgg16,
    vgg19,
    xception,
)
from hornbook_applications.convnext import (
    ConvNeXtBase,
    ConvNeXtLarge,
    ConvNeXtSmall,
    ConvNeXtTiny,
    ConvNeXtXLarge,
)
from hornbook_applications.densenet import DenseNet121, DenseNet169, DenseNet201
from hornbook_applications.efficientnet import (
    EfficientNetB0,
    EfficientNetB1,
    EfficientNetB2,
    EfficientNetB3,
    EfficientNetB4,
    EfficientNetB5,
    EfficientNetB6,
    EfficientNetB7,
)
from hornbook_applications.efficientnet_v2 import (
    EfficientNetV2B0,
    EfficientNetV2B1,
    EfficientNetV2B2,
    EfficientNetV2B3,
    EfficientNetV2L,
    EfficientNetV2M,
    EfficientNetV2S,
)
from hornbook_applications.inception_resnet_v2 import InceptionResNetV2
from hornbook_applications.inception_v3 import InceptionV3
from hornbook_applications.mobilenet import MobileNet
from hornbook_applications.mobilenet_v2 import MobileNetV2
from hornbook_applications.mobilenet_v3 import MobileNetV3Large, MobileNetV3Small
from hornbook_applications.nasnet import NASNetLarge, NASNetMobile
from hornbook_applications.resnet import ResNet50, ResNet101, ResNet152
from hornbook_applications.resnet_v2 import ResNet50V2, ResNet101V2, ResNet152V2
from hornbook_applications.vgg16 import VGG16
from hornbook_applications.vgg19 import VGG19
from hornbook_applications.xception import Xception

__all__ = [
    "ConvNeXtBase",
    "ConvNeXtLarge",
    "ConvNeXtSmall",
    "ConvNeXtTiny",
    "ConvNeXtXLarge",
    "DenseNet121",
    "DenseNet169",
    "DenseNet201",
    "EfficientNetB0",
    "EfficientNetB1",
    "EfficientNetB2",
    "EfficientNetB3",
    "EfficientNetB4",
    "EfficientNetB5",
    "EfficientNetB6",
    "EfficientNetB7",
    "EfficientNetV2B0",
    "EfficientNetV2B1",
    "EfficientNetV2B2",
    "EfficientNetV2B3",
    "EfficientNetV2L",
    "EfficientNetV2M",
    "EfficientNetV2S",
    "InceptionResNetV2",
    "InceptionV3",
    "MobileNet",
    "MobileNetV2",
    "MobileNetV3Large",
    "MobileNetV3Small",
    "NASNetLarge",
    "NASNetMobile",
    "ResNet50",
    "ResNet50V2",
    "ResNet101",
    "ResNet101V2",
    "ResNet152",
    "ResNet152V2",
    "VGG16",
    "VGG19",
    "Xception",
    "convnext",
    "densenet",
    "detection",
    "efficientnet",
    "efficientnet_v2",
    "imagenet_utils",
    "inception_resnet_v2",
    "inception_v3",
    "mobilenet",
    "mobilenet_v2",
    "mobilenet_v3",
    "nasnet",
    "resnet",
    "resnet50",
    "resnet_v2",
    "segmentation",
    "vgg16",
    "vgg19",
    "xception",
]
