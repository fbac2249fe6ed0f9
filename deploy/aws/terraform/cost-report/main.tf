# A CUR 2.0 export with the callers of Bedrock, for Onramp to read. The provider's Region is us-east-1, where Data Exports is.

terraform {
  required_version = ">= 1.9"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 6.25"
    }
  }
}

variable "export_name" {
  type    = string
  default = "onramp-bedrock"
}

variable "prefix" {
  type    = string
  default = "cur"
}

variable "bucket_prefix" {
  type    = string
  default = "onramp-cost-report-"
}

data "aws_caller_identity" "this" {}

data "aws_partition" "this" {}

locals {
  columns = [
    "line_item_usage_start_date",
    "line_item_line_item_type",
    "line_item_usage_account_id",
    "line_item_unblended_cost",
    "line_item_currency_code",
    "line_item_iam_principal",
    "line_item_product_code",
    "line_item_usage_type",
    "product",
    "product_servicecode",
  ]
}

resource "aws_s3_bucket" "this" {
  bucket_prefix = var.bucket_prefix
  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_s3_bucket_public_access_block" "this" {
  bucket                  = aws_s3_bucket.this.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "this" {
  bucket = aws_s3_bucket.this.id
  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "this" {
  bucket = aws_s3_bucket.this.id
  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm = "AES256"
    }
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "this" {
  bucket = aws_s3_bucket.this.id
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
  statement {
    sid       = "Exports"
    actions   = ["s3:PutObject", "s3:GetBucketPolicy"]
    resources = [aws_s3_bucket.this.arn, "${aws_s3_bucket.this.arn}/*"]
    principals {
      type        = "Service"
      identifiers = ["bcm-data-exports.amazonaws.com", "billingreports.amazonaws.com"]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [data.aws_caller_identity.this.account_id]
    }
    condition {
      test     = "ArnLike"
      variable = "aws:SourceArn"
      values = [
        "arn:${data.aws_partition.this.partition}:bcm-data-exports:us-east-1:${data.aws_caller_identity.this.account_id}:export/*",
        "arn:${data.aws_partition.this.partition}:cur:us-east-1:${data.aws_caller_identity.this.account_id}:definition/*",
      ]
    }
  }

  statement {
    sid       = "EncryptedTransport"
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = [aws_s3_bucket.this.arn, "${aws_s3_bucket.this.arn}/*"]
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
  bucket = aws_s3_bucket.this.id
  policy = data.aws_iam_policy_document.bucket.json
}

resource "aws_bcmdataexports_export" "this" {
  depends_on = [aws_s3_bucket_policy.this]

  export {
    name        = var.export_name
    description = "What Bedrock cost, by day and caller"
    data_query {
      query_statement = "SELECT ${join(", ", local.columns)} FROM COST_AND_USAGE_REPORT"
      table_configurations = {
        COST_AND_USAGE_REPORT = {
          BILLING_VIEW_ARN                      = "arn:${data.aws_partition.this.partition}:billing::${data.aws_caller_identity.this.account_id}:billingview/primary"
          TIME_GRANULARITY                      = "DAILY"
          INCLUDE_IAM_PRINCIPAL_DATA            = "TRUE"
          INCLUDE_RESOURCES                     = "FALSE"
          INCLUDE_SPLIT_COST_ALLOCATION_DATA    = "FALSE"
          INCLUDE_MANUAL_DISCOUNT_COMPATIBILITY = "FALSE"
        }
      }
    }
    refresh_cadence {
      frequency = "SYNCHRONOUS"
    }
    destination_configurations {
      s3_destination {
        s3_bucket = aws_s3_bucket.this.id
        s3_prefix = var.prefix
        s3_region = "us-east-1"
        s3_output_configurations {
          output_type = "CUSTOM"
          format      = "PARQUET"
          compression = "PARQUET"
          overwrite   = "OVERWRITE_REPORT"
        }
      }
    }
  }
}

output "location" {
  description = "The `cost_report` of the account in Onramp."
  value       = "s3://${aws_s3_bucket.this.id}/${var.prefix}/${var.export_name}"
}

output "bucket_arn" {
  description = "One of bucket_arns of the account's module."
  value       = aws_s3_bucket.this.arn
}
