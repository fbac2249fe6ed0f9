# Where Bedrock logs model invocations in this account and Region, for Onramp to count, and that it does. One for each Region.

terraform {
  required_version = ">= 1.9"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 6.25"
    }
  }
}

variable "destination" {
  description = "s3, which costs less to keep and to read, or cloudwatch."
  type        = string
  default     = "s3"
  validation {
    condition     = contains(["s3", "cloudwatch"], var.destination)
    error_message = "One of s3, cloudwatch."
  }
}

variable "bucket_prefix" {
  type    = string
  default = "bedrock-invocations-"
}

variable "log_group_name" {
  type    = string
  default = "/onramp/bedrock-invocations"
}

variable "deliver_text" {
  description = "Whether prompts and answers are logged, too. Onramp counts without them; docs/costs.md says what they add."
  type        = bool
  default     = false
}

variable "retention_days" {
  description = "Onramp reads 90 days back when it begins."
  type        = number
  default     = 120
}

data "aws_caller_identity" "this" {}

data "aws_partition" "this" {}

data "aws_region" "this" {}

locals {
  to_s3         = var.destination == "s3" ? 1 : 0
  to_cloudwatch = var.destination == "cloudwatch" ? 1 : 0
  bedrock       = "arn:${data.aws_partition.this.partition}:bedrock:${data.aws_region.this.region}:${data.aws_caller_identity.this.account_id}:*"
}

resource "aws_s3_bucket" "this" {
  count         = local.to_s3
  bucket_prefix = var.bucket_prefix
  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_s3_bucket_public_access_block" "this" {
  count                   = local.to_s3
  bucket                  = aws_s3_bucket.this[0].id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "this" {
  count  = local.to_s3
  bucket = aws_s3_bucket.this[0].id
  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "this" {
  count  = local.to_s3
  bucket = aws_s3_bucket.this[0].id
  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm = "AES256"
    }
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "this" {
  count  = local.to_s3
  bucket = aws_s3_bucket.this[0].id
  rule {
    id     = "retention"
    status = "Enabled"
    filter {}
    expiration {
      days = var.retention_days
    }
  }
  rule {
    id     = "broken-uploads"
    status = "Enabled"
    filter {}
    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
  }
}

data "aws_iam_policy_document" "bucket" {
  count  = local.to_s3
  # Of this account and Region, not of another one that names this bucket.
  statement {
    sid       = "Logs"
    actions   = ["s3:PutObject"]
    resources = ["${aws_s3_bucket.this[0].arn}/AWSLogs/${data.aws_caller_identity.this.account_id}/BedrockModelInvocationLogs/*"]
    principals {
      type        = "Service"
      identifiers = ["bedrock.amazonaws.com"]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [data.aws_caller_identity.this.account_id]
    }
    condition {
      test     = "ArnLike"
      variable = "aws:SourceArn"
      values   = [local.bedrock]
    }
  }

  statement {
    sid       = "EncryptedTransport"
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = [aws_s3_bucket.this[0].arn, "${aws_s3_bucket.this[0].arn}/*"]
    principals {
      type        = "*"
      identifiers = ["*"]
    }
    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}

resource "aws_s3_bucket_policy" "this" {
  count  = local.to_s3
  bucket = aws_s3_bucket.this[0].id
  policy = data.aws_iam_policy_document.bucket[0].json
}

resource "aws_cloudwatch_log_group" "this" {
  count             = local.to_cloudwatch
  name              = var.log_group_name
  retention_in_days = var.retention_days
}

data "aws_iam_policy_document" "trust" {
  count = local.to_cloudwatch
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["bedrock.amazonaws.com"]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [data.aws_caller_identity.this.account_id]
    }
    condition {
      test     = "ArnLike"
      variable = "aws:SourceArn"
      values   = [local.bedrock]
    }
  }
}

data "aws_iam_policy_document" "write" {
  count = local.to_cloudwatch
  statement {
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.this[0].arn}:log-stream:aws/bedrock/modelinvocations"]
  }
}

resource "aws_iam_role" "logs" {
  count              = local.to_cloudwatch
  name_prefix        = "bedrock-invocations-"
  description        = "Bedrock writes model invocations to one log group."
  assume_role_policy = data.aws_iam_policy_document.trust[0].json
}

resource "aws_iam_role_policy" "logs" {
  count  = local.to_cloudwatch
  name   = "Logs"
  role   = aws_iam_role.logs[0].id
  policy = data.aws_iam_policy_document.write[0].json
}

resource "aws_bedrock_model_invocation_logging_configuration" "this" {
  depends_on = [aws_s3_bucket_policy.this, aws_iam_role_policy.logs]

  logging_config {
    text_data_delivery_enabled      = var.deliver_text
    image_data_delivery_enabled     = false
    embedding_data_delivery_enabled = false
    video_data_delivery_enabled     = false

    dynamic "s3_config" {
      for_each = aws_s3_bucket.this
      content {
        bucket_name = s3_config.value.id
      }
    }

    dynamic "cloudwatch_config" {
      for_each = aws_cloudwatch_log_group.this
      content {
        log_group_name = cloudwatch_config.value.name
        role_arn       = aws_iam_role.logs[0].arn
      }
    }
  }
}

output "bucket_arn" {
  description = "One of bucket_arns of the account's module; null where nothing goes to S3."
  value       = one(aws_s3_bucket.this[*].arn)
}

output "log_group_arn" {
  description = "One of log_group_arns of the account's module; null where nothing goes to CloudWatch Logs."
  value       = one([for group in aws_cloudwatch_log_group.this : "${group.arn}:*"])
}
