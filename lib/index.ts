export { CollideError, type CollideErrorCode } from './errors.ts';
