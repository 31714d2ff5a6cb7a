"""Phantoms: made-up patients with the truth beside them; each file says which numbers steer it and what it lacks.

Import from the file: ``from course_lib.data.phantoms.fundus import make_fundus_images``. A case depends on the seed and
its own number only: more cases never change the first ones.

====================  ==================================================================================================
phantom               what it shows
====================  ==================================================================================================
`ageing_brain`        brains on MNI152 that age with years + gap; volumes in ml, the gap is known
`chest_xray`          X-rays of the chest with 14 findings in any combination, and a shortcut that can be set
`liver_ct`            an abdomen in HU with tumours in the liver, and a second visit
`liver_tumours`       the same tumours put into any CT that has a mask of the liver
`small_lesions`       lung nodules among vessels, and microbleeds among veins and calcium, in 3-D
`mammogram`           both breasts in two views, density a to d, masses and calcifications
`fundus`              eyes with arteries, veins and a second grader
`touching_cells`      nuclei whose borders have to be learned
`whole_slide`         a lymph node with metastases and mitoses, painted into a pyramidal TIFF
`slide_patches`       pieces of such slides, tumour or not
`flow_cytometry`      marrow with residual leukaemia, counted exactly
`surgical_gestures`   motion of a surgical robot with the gesture of every frame
`breathing`           scans breathed in and out, the true motion between them, landmarks
`crowd_labels`        votes of annotators whose confusion matrices are known
`crowd_masks`         one mask outlined by several readers
`survival`            times to death with the true hazards
`reading_room`        a queue of studies with and without triage
====================  ==================================================================================================

====================  ==================================================================================================
part                  of which phantom
====================  ==================================================================================================
`brain_subjects`      `ageing_brain`: one subject, from its latent values to its scan
`brain_warps`         `ageing_brain`: motion with a prescribed change of volume
`chest_anatomy`       `chest_xray`: the thorax, ray by ray
`chest_findings`      `chest_xray`: what the 14 labels look like
`abdomen`             `liver_ct`: the organs in HU
`mammogram_anatomy`   `mammogram`: one breast
`vessel_tree`         `fundus`: trees that branch by the law of diameters
`vessel_walls`        `fundus`: their vessels drawn
`slide_anatomy`       `whole_slide`: where lymph node, follicles and metastases lie
`slide_nuclei`        `whole_slide`: nuclei as stamps
`slide_paint`         `whole_slide`: stains mixed by Beer and Lambert
`slide_textures`      `whole_slide`: fibres, fat and membranes without a seam
`slide_artefacts`     `whole_slide`: pen, dust, folds
`pyramid`             `whole_slide`: the file, written tile by tile
`surgical_grammar`    `surgical_gestures`: which gestures follow which
====================  ==================================================================================================
"""
