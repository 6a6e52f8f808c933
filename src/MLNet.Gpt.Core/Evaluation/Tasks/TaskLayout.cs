namespace MLNet.Gpt;

/// <summary>How a file contains the questions of a task.</summary>
public enum TaskLayout
{
    /// <summary>The content determines the layout.</summary>
    Detect,

    /// <summary>
    /// The layout of this library, JSON Lines. A line has <c>context</c>, <c>choices</c> and <c>answer</c> (and optionally
    /// <c>delimiter</c>, by default a space); or <c>contexts</c>, <c>continuation</c> and <c>answer</c>; or <c>context</c> and
    /// <c>continuation</c>; or <c>good</c> and <c>bad</c>; or <c>document</c>. A <c>name</c> is optional. An <c>answer</c> is an index from
    /// 0, or absent.
    /// </summary>
    Questions,

    /// <summary>
    /// HellaSwag as published, prepared as lm-evaluation-harness does: <c>activity_label</c>, <c>ctx_a</c>, <c>ctx_b</c>, <c>endings</c>,
    /// <c>label</c>.
    /// </summary>
    HellaSwag,

    /// <summary>
    /// ARC as published, with letters or numbers as labels: <c>question</c>, <c>choices</c>, <c>answerKey</c>; also OpenBookQA, with
    /// <c>question_stem</c>.
    /// </summary>
    Arc,

    /// <summary>PIQA as published: <c>goal</c>, <c>sol1</c>, <c>sol2</c>, <c>label</c>.</summary>
    Piqa,

    /// <summary>Winogrande as published: <c>sentence</c>, <c>option1</c>, <c>option2</c>, <c>answer</c>.</summary>
    Winogrande,

    /// <summary>LAMBADA as published: <c>text</c>, whose last word is to be predicted.</summary>
    Lambada,

    /// <summary>BLiMP as published: <c>sentence_good</c>, <c>sentence_bad</c>.</summary>
    Blimp,

    /// <summary>
    /// The fields that lm-evaluation-harness prepares for its tasks: <c>query</c>, <c>choices</c>, <c>gold</c>; <c>page</c> for a text; or
    /// a line of the samples that it logs: <c>arguments</c> and <c>target</c>.
    /// </summary>
    Harness,

    /// <summary>The file of <c>llama-perplexity --hellaswag</c>: six lines a question.</summary>
    LlamaCppHellaSwag,

    /// <summary>
    /// The file of <c>llama-perplexity --winogrande</c>: index, sentence, two options and the answer, separated by commas.
    /// </summary>
    LlamaCppWinogrande,

    /// <summary>The binary file of <c>llama-perplexity --multiple-choice</c>.</summary>
    LlamaCppMultipleChoice,
}
