/** One step of the story, as it stands. */
export interface Step {
  number: number;
  title: string;
  /** So far, or in all when it has ended. */
  seconds(): number;
  state: 'running' | 'done' | 'failed';
  /** What was seen in it. */
  findings: { about: string; text: string }[];
  /** What runs right now. */
  doing: string;
}

/** Shows the story to a person. */
export interface Screen {
  began(step: Step): void;
  found(step: Step, finding: Step['findings'][number]): void;
  doing(step: Step): void;
  ended(step: Step): void;
}

/** Tells the story; each step ends where the next one begins. */
export interface Narrator {
  step(title: string): void;
  /** What was seen in the current step: one or two words about what, and the finding. */
  tell(about: string, text: string): void;
  /** What runs now, until something was seen or something else runs. */
  doing(what: string): void;
  /** Ends the last step, and returns all of them. */
  end(ok: boolean): Step[];
}

export function createNarrator(screen: Screen): Narrator {
  const steps: Step[] = [];
  const endStep = (state: Step['state']) => {
    const step = steps.at(-1);
    if (step?.state !== 'running') return;
    const seconds = step.seconds();
    Object.assign(step, { state, doing: '', seconds: () => seconds });
    screen.ended(step);
  };
  return {
    step(title) {
      endStep('done');
      const began = performance.now();
      const seconds = () => (performance.now() - began) / 1000;
      const step: Step = {
        number: steps.length + 1,
        title,
        seconds,
        state: 'running',
        findings: [],
        doing: '',
      };
      steps.push(step);
      screen.began(step);
    },
    tell(about, text) {
      const step = steps.at(-1);
      if (step === undefined) return;
      step.findings.push({ about, text });
      screen.found(step, { about, text });
    },
    doing(what) {
      const step = steps.at(-1);
      if (step === undefined) return;
      step.doing = what;
      screen.doing(step);
    },
    end(ok) {
      endStep(ok ? 'done' : 'failed');
      return steps;
    },
  };
}
