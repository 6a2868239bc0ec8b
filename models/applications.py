"""The classifiers of ``keras.applications`` as a table, which can be read without importing Keras.

Accuracies are the ones that Keras publishes; None if its table lists none.
"""

from models.spec import ApplicationWeights, ModelSpec, Transform

_CROP = 0.875


def _row(module: str, function: str, size: int, parameters: int, top1: float | None) -> tuple[str, ModelSpec]:
    spec = ModelSpec(
        name=function.lower(),
        title=function,
        version="keras-imagenet",
        transform=Transform.square(size, _CROP),
        parameters=parameters,
        top1=top1,
        license="see keras.io/api/applications",
        weights=ApplicationWeights(module, function),
    )
    return spec.name, spec


APPLICATIONS: dict[str, ModelSpec] = dict(
    [
        _row("mobilenet", "MobileNet", 224, 4_231_976, 0.704),
        _row("mobilenet_v2", "MobileNetV2", 224, 3_504_872, 0.713),
        _row("mobilenet_v3", "MobileNetV3Small", 224, 2_542_856, 0.681),
        _row("mobilenet_v3", "MobileNetV3Large", 224, 5_483_032, 0.756),
        _row("resnet", "ResNet50", 224, 25_583_592, 0.749),
        _row("resnet", "ResNet101", 224, 44_601_832, 0.764),
        _row("resnet", "ResNet152", 224, 60_268_520, 0.766),
        _row("resnet_v2", "ResNet50V2", 224, 25_568_360, 0.760),
        _row("resnet_v2", "ResNet101V2", 224, 44_577_896, 0.772),
        _row("resnet_v2", "ResNet152V2", 224, 60_236_904, 0.780),
        _row("efficientnet", "EfficientNetB0", 224, 5_288_548, 0.771),
        _row("efficientnet", "EfficientNetB1", 240, 7_794_184, 0.791),
        _row("efficientnet", "EfficientNetB2", 260, 9_109_994, 0.801),
        _row("efficientnet", "EfficientNetB3", 300, 12_233_232, 0.816),
        _row("efficientnet", "EfficientNetB4", 380, 19_341_616, 0.829),
        _row("efficientnet", "EfficientNetB5", 456, 30_389_784, 0.836),
        _row("efficientnet", "EfficientNetB6", 528, 43_040_704, 0.840),
        _row("efficientnet", "EfficientNetB7", 600, 66_347_960, 0.843),
        _row("efficientnet_v2", "EfficientNetV2B0", 224, 7_139_704, 0.787),
        _row("efficientnet_v2", "EfficientNetV2B1", 240, 8_141_052, 0.798),
        _row("efficientnet_v2", "EfficientNetV2B2", 260, 10_096_086, 0.805),
        _row("efficientnet_v2", "EfficientNetV2B3", 300, 14_358_406, 0.820),
        _row("efficientnet_v2", "EfficientNetV2S", 384, 21_458_488, 0.839),
        _row("efficientnet_v2", "EfficientNetV2M", 480, 54_139_356, 0.853),
        _row("efficientnet_v2", "EfficientNetV2L", 480, 118_515_272, 0.857),
        _row("convnext", "ConvNeXtTiny", 224, 28_589_128, None),
        _row("convnext", "ConvNeXtSmall", 224, 50_223_688, None),
        _row("convnext", "ConvNeXtBase", 224, 88_591_464, None),
        _row("convnext", "ConvNeXtLarge", 224, 197_767_336, None),
        _row("convnext", "ConvNeXtXLarge", 224, 350_196_968, None),
        _row("densenet", "DenseNet121", 224, 7_978_856, 0.750),
        _row("densenet", "DenseNet169", 224, 14_149_480, 0.762),
        _row("densenet", "DenseNet201", 224, 20_013_928, 0.773),
        _row("inception_v3", "InceptionV3", 299, 23_817_352, 0.779),
        _row("inception_resnet_v2", "InceptionResNetV2", 299, 55_813_192, 0.803),
        _row("xception", "Xception", 299, 22_855_952, 0.790),
        _row("nasnet", "NASNetMobile", 224, 5_289_978, 0.744),
        _row("nasnet", "NASNetLarge", 331, 88_753_150, 0.825),
        _row("vgg16", "VGG16", 224, 138_357_544, 0.713),
        _row("vgg19", "VGG19", 224, 143_667_240, 0.713),
    ]
)
