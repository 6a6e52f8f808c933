namespace MLNet.Gpt.Training;

/// <summary>When an evaluation takes place.</summary>
internal enum EvaluationMoment
{
    /// <summary>Before the first step.</summary>
    Before,

    /// <summary>At a step where the interval has it.</summary>
    Due,

    /// <summary>After the last step, where none was due.</summary>
    After,
}
