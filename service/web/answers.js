/**
 * What the server answers, for editors and type checkers; there is nothing here to run.
 *
 * @typedef {object} Size
 * @property {number} width
 * @property {number} height
 *
 * @typedef {object} Box Corners in pixels of the full upright picture.
 * @property {number} x1
 * @property {number} y1
 * @property {number} x2
 * @property {number} y2
 *
 * @typedef {[number, number]} Point x, y in pixels of the full upright picture.
 *
 * @typedef {object} Prediction
 * @property {number} class_id
 * @property {string} label
 * @property {number} score 0..1
 * @property {string} [external_id] The data set's own name for the class.
 *
 * @typedef {object} ClassifyAnswer
 * @property {string | string[]} model
 * @property {Size} image
 * @property {Prediction[]} predictions Best first.
 *
 * @typedef {object} Detection
 * @property {number} class_id
 * @property {string} label
 * @property {number} score 0..1
 * @property {Box} box
 *
 * @typedef {object} DetectAnswer
 * @property {string} model
 * @property {Size} image
 * @property {Detection[]} detections Best first.
 * @property {boolean} truncated Whether a limit left something out.
 *
 * @typedef {object} RunLengths COCO's compressed run lengths.
 * @property {[number, number]} size height, width
 * @property {string} counts
 *
 * @typedef {Point[]} Ring
 * @typedef {RunLengths | Ring[][]} SegmentMask Run lengths, or polygons of an outer ring and holes.
 *
 * @typedef {object} SegmentedClass
 * @property {number} class_id
 * @property {string} label
 * @property {number} pixels
 * @property {number} fraction Of the picture, 0..1.
 * @property {SegmentMask} [mask]
 *
 * @typedef {object} SegmentedThing
 * @property {number} instance_id
 * @property {number} class_id
 * @property {string} label
 * @property {number} score 0..1
 * @property {Box} box
 * @property {number} area Pixels.
 * @property {SegmentMask} [mask]
 *
 * @typedef {object} SegmentMap A map without classes, such as of edges.
 * @property {string} filter
 * @property {number} min
 * @property {number} max
 * @property {number} mean
 * @property {string} png An 8-bit grey PNG, base64.
 *
 * @typedef {object} SegmentAnswer
 * @property {string} model
 * @property {Size} image
 * @property {SegmentedClass[]} [classes]
 * @property {SegmentedThing[]} [instances]
 * @property {SegmentMap} [map]
 *
 * @typedef {object} FaceQuality
 * @property {number} side Of the aligned face, pixels of the picture.
 * @property {number} sharpness
 * @property {number} outside Share that the picture cuts off, 0..1.
 * @property {number} disagreement
 * @property {string[]} flaws Why the face cannot be compared.
 *
 * @typedef {object} Face
 * @property {Box} box
 * @property {number} score 0..1
 * @property {number} share Of the picture's area, 0..1.
 * @property {Record<string, Point>} keypoints
 * @property {Point[]} [landmarks] 68, in the order of iBUG's 300-W.
 * @property {number[]} [encoding]
 * @property {FaceQuality} [quality]
 *
 * @typedef {object} FacesAnswer
 * @property {string} model
 * @property {string[]} models
 * @property {Size} image
 * @property {Face[]} faces Best first.
 * @property {boolean} truncated
 *
 * @typedef {object} VerifyAnswer
 * @property {string} model
 * @property {string} model_sha256
 * @property {boolean | null} verified null if a face cannot be judged.
 * @property {number} distance
 * @property {number} similarity 0..1
 * @property {number} threshold
 * @property {number} false_match_rate
 * @property {number} false_match_rate_high
 * @property {number} false_non_match_rate
 * @property {number} false_non_match_rate_high
 * @property {{data: string, people: number, pairs_same: number, pairs_different: number}} calibration
 * @property {(Face & {picture: 'image1' | 'image2', image: Size})[]} faces
 *
 * @typedef {object} ModelRow
 * @property {string} name
 * @property {string} task
 * @property {string} description
 * @property {string} license
 * @property {string} source
 * @property {boolean} default
 * @property {string} state
 * @property {string} reason
 * @property {string} provider
 * @property {number} instances
 * @property {number} threads
 * @property {number} load_ms
 *
 * @typedef {object} ModelList
 * @property {number} cpus
 * @property {number} cpu_threads
 * @property {ModelRow[]} models
 *
 * @typedef {object} ModelFacts
 * @property {Record<string, any>} manifest
 * @property {{name: string, shape: (number | null)[], dtype: string}[]} inputs
 * @property {{name: string, shape: (number | null)[], dtype: string}[]} outputs
 * @property {Record<string, any>[]} layers
 * @property {{parameters: number, statistics: number, multiply_adds: number | null}} totals
 *
 * @typedef {ModelRow & ModelFacts} ModelDetail
 *
 * @typedef {'queued' | 'running' | 'succeeded' | 'failed' | 'canceled'} JobStatus
 *
 * @typedef {object} StyleCosts What the picture costs after a step.
 * @property {number} step
 * @property {number} content
 * @property {number} style
 * @property {number} tv
 * @property {number} total
 *
 * @typedef {object} StyleEvent
 * @property {JobStatus} status
 * @property {number} progress 0..1
 * @property {number} step
 * @property {number} steps 0 until it is known.
 * @property {StyleCosts[]} costs Of the steps since the event before.
 *
 * @typedef {object} StyleJob
 * @property {string} id
 * @property {JobStatus} status
 * @property {'fast' | 'optimize'} method
 * @property {Record<string, unknown>} options As they were given.
 * @property {number} progress 0..1
 * @property {number} step
 * @property {number} steps 0 until it is known.
 * @property {StyleCosts[]} costs
 * @property {string} created_at
 * @property {string} [started_at]
 * @property {string} [finished_at]
 * @property {string} [expires_at]
 * @property {{queued_ms: number, running_ms?: number}} timings
 * @property {string[]} warnings
 * @property {{code: string, detail: string}} [error]
 * @property {{self: string, events: string, preview?: string, result?: string}} links
 *
 * @typedef {object} StyleJobs
 * @property {StyleJob[]} jobs The newest first.
 * @property {string} [next] The `cursor` for those that follow.
 *
 * @typedef {object} Readiness
 * @property {boolean} ready
 * @property {boolean} draining
 * @property {Record<string, string>} models
 * @property {Record<string, string>} reasons
 */

export {};
