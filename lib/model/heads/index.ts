/** The heads of models. */
import { Registry } from '../../registry.ts';
import type { Head } from '../head.ts';
import { deepfm } from './deepfm.ts';
import { dlrm } from './dlrm.ts';

/** The heads by name: `model.kind` of a config and `head` of models and trainings choose among them. */
export const heads: Registry<Head> = new Registry<Head>('head', [dlrm, deepfm]);
