/** What a column holds: `number` becomes a FLOAT input of the model, `text` a STRING input. */
export type ColumnKind = 'number' | 'text';

/** The columns that the model reads, in the order of its inputs. A file may have them in any order. */
export const FEATURES: readonly { name: string; kind: ColumnKind }[] = [
  { name: 'state', kind: 'text' },
  { name: 'account_length', kind: 'number' },
  { name: 'area_code', kind: 'text' },
  { name: 'international_plan', kind: 'text' },
  { name: 'voice_mail_plan', kind: 'text' },
  { name: 'number_vmail_messages', kind: 'number' },
  { name: 'total_day_minutes', kind: 'number' },
  { name: 'total_day_calls', kind: 'number' },
  { name: 'total_day_charge', kind: 'number' },
  { name: 'total_eve_minutes', kind: 'number' },
  { name: 'total_eve_calls', kind: 'number' },
  { name: 'total_eve_charge', kind: 'number' },
  { name: 'total_night_minutes', kind: 'number' },
  { name: 'total_night_calls', kind: 'number' },
  { name: 'total_night_charge', kind: 'number' },
  { name: 'total_intl_minutes', kind: 'number' },
  { name: 'total_intl_calls', kind: 'number' },
  { name: 'total_intl_charge', kind: 'number' },
  { name: 'number_customer_service_calls', kind: 'number' },
];

/** The column that is predicted. */
export const LABEL = 'churn';

/** The label's values; the model's classes 0 and 1 are their places in this list. */
export const CLASSES: readonly string[] = ['no', 'yes'];
