import { runController } from '../../edge-agent/controller/main.ts';
import { registryLogIn } from '../loop/registry-log-in.ts';

// The process of an agent that follows a channel: the only one that reaches a registry, and so has to be somebody there.
runController(registryLogIn({ environment: process.env, mask: () => {} }));
